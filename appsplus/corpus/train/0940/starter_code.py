def quiet_window(visitors, width):
