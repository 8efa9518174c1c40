"""What training needs to know about a canonical solution: where it can be cut, and the curriculum that follows."""
