"""What an agent answers from: its sources, their passages, and the search over them."""
