"""What readers without our code hold on to, made from the models: JSON Schemas and an AsyncAPI document.

``python -m paidan_contracts.schema_export FOLDER`` writes them; a test keeps the committed ones current.
"""
