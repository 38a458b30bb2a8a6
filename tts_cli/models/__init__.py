"""Policy and PRM: the registry of models, prompts and chat templates, PRM formats, and the back ends that run them."""
