"""One suite of programs with the verdict that each must get, for our judge and for those of other projects."""
