def blooming(beds, day):
