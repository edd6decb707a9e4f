"""The sites that are watched: which pages to ask for, and how an answer becomes papers."""
