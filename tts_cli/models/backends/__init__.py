"""What runs models: llama.cpp, and a recording that plays a finished search again. Their contract: protocols.py."""
