// Makes the system's poller visible to Swift, which does not import <sys/epoll.h> by itself.
#pragma once
#ifdef __linux__
#include <sys/epoll.h>
#endif
