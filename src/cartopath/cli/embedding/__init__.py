"""`cartopath embed`: features of slides by any frozen encoder."""
