"""The guard every outbound connection passes."""
