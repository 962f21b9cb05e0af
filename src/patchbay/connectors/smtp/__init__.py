"""Mail: one mail server of the operator's, over SMTP, through the egress guard."""
