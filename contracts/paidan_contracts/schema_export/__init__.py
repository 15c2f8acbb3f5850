"""Exports the events as JSON Schemas and an AsyncAPI document, for readers in other languages.

``python -m paidan_contracts.schema_export FOLDER`` writes them; a test compares the committed files with the models.
"""
