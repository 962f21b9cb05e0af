"""Reading what a source holds, whatever it is written in, and cutting it into passages. Pure: bytes in, values out."""
