def same_again(a, b):
