"""Files from the Hugging Face Hub: what there is, getting it so that no crash loses much, and finding it again.

client ── requests, errors ── plan (what would be fetched) ── download (bytes) ── pulled (what is here)
"""
