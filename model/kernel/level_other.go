package kernel

var levels = []*bodies{&plain}
