"""One router a group of resources."""
