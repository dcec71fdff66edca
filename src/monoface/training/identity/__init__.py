"""Trains the network of identity embeddings."""
