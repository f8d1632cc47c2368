"""Ranked passages measured against references and judgements; runs and judgements in TREC's formats."""
