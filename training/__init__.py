"""How the bundled nano models were made. See README.md in this folder."""
