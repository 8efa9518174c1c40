def fence_metres(w, h, g):
