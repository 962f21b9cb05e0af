"""Where an address is on the map: offline by ZIP code and city, or by a provider; always with how precisely that is known."""
