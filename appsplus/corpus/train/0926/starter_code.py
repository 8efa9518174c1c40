def new_marks(levels):
