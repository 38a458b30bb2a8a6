"""What commands draw and print. Reads events, records and reports, and never touches a search."""
