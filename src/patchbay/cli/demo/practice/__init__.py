"""The practice database: an appliance repair shop whose data is made up, and as untidy as real data is."""
