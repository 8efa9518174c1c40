def echo_trim(words):
