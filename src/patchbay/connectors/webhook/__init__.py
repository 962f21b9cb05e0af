"""An endpoint of the customer's own that a skill calls: signed, frozen and guarded like every other system, without a schema."""
