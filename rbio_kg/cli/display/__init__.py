"""What commands print for people: colours, bars, and one module for each kind of result."""
