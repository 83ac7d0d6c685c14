// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reasons_sockets.c - waits on sockets: TCP on the loopback interface, UDP, unix; both sides of a
 * connection.
 */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "helper.h"
#include "reasons.h"

static int listener, client, server;
static struct sockaddr_in inet_addr_of_listener;
static struct sockaddr_un unix_addr;

static void listen_inet(int backlog)
{
	struct sockaddr_in *addr = &inet_addr_of_listener;
	socklen_t size = sizeof(*addr);

	*addr = (struct sockaddr_in){.sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	listener = socket(AF_INET, SOCK_STREAM, 0);
	must(listener >= 0 && !bind(listener, (struct sockaddr *)addr, sizeof(*addr)) &&
		     !listen(listener, backlog) &&
		     !getsockname(listener, (struct sockaddr *)addr, &size),
	     "listen");
}

static void connect_inet(void)
{
	struct sockaddr_in *addr = &inet_addr_of_listener;

	client = socket(AF_INET, SOCK_STREAM, 0);
	must(client >= 0 && !connect(client, (struct sockaddr *)addr, sizeof(*addr)), "connect");
}

static void accept_one(void)
{
	server = accept(listener, NULL, NULL);
	must(server >= 0, "accept");
}

static void make_listener(void)
{
	listen_inet(8);
}

static void make_connection(void)
{
	listen_inet(8);
	connect_inet();
	accept_one();
}

static void read_client(void)
{
	read_byte(client);
}

static void read_server(void)
{
	read_byte(server);
}

static void write_client(void)
{
	write_byte(client);
}

static void write_server(void)
{
	write_byte(server);
}

static void make_full_connection(void)
{
	make_connection();
	fill(client);
}

static void write_much(void)
{
	static const char bytes[1 << 16];

	must(send(client, bytes, sizeof(bytes), 0) > 0, "send");
}

/* All that was written, until the other side closes. */
static void drain_server(void)
{
	static char bytes[1 << 20];

	shutdown(client, SHUT_RD);
	for (uint64_t end = now_ns() + 50 * NS_PER_MS; now_ns() < end;)
		if (recv(server, bytes, sizeof(bytes), MSG_DONTWAIT) < 0)
			sleep_ms(1);
}

static void make_pair(void)
{
	int pair[2];

	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "make a pair of sockets");
	client = pair[0];
	server = pair[1];
}

static void make_full_pair(void)
{
	make_pair();
	fill(client);
}

static void listen_unix(int backlog)
{
	unix_addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	/* A name of no file: the first byte is 0. */
	snprintf(unix_addr.sun_path + 1, sizeof(unix_addr.sun_path) - 1, "wait_reasons.%d",
		 getpid());
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	must(listener >= 0 && !bind(listener, (struct sockaddr *)&unix_addr, sizeof(unix_addr)) &&
		     !listen(listener, backlog),
	     "listen");
}

static void connect_unix(void)
{
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	must(client >= 0 && !connect(client, (struct sockaddr *)&unix_addr, sizeof(unix_addr)),
	     "connect");
}

static void make_unix_connection(void)
{
	listen_unix(8);
	connect_unix();
	accept_one();
}

static void make_full_backlog(void)
{
	listen_unix(0);
	connect_unix();
}

static void make_full_inet_backlog(void)
{
	listen_inet(0);
	connect_inet();
}

static void make_udp(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(addr);

	server = socket(AF_INET, SOCK_DGRAM, 0);
	client = socket(AF_INET, SOCK_DGRAM, 0);
	must(server >= 0 && client >= 0 && !bind(server, (struct sockaddr *)&addr, sizeof(addr)) &&
		     !getsockname(server, (struct sockaddr *)&addr, &size) &&
		     !connect(client, (struct sockaddr *)&addr, sizeof(addr)),
	     "make datagram sockets");
}

/* The client's name is known to no one before it has sent. */
static void answer_udp(void)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	char byte;

	must(recvfrom(server, &byte, 1, 0, (struct sockaddr *)&from, &size) == 1, "receive");
	must(sendto(server, "x", 1, 0, (struct sockaddr *)&from, size) == 1, "send");
}

static void ask_udp(void)
{
	write_byte(client);
	read_byte(client);
}

const struct mode socket_modes[] = {
	{"tcp_client", make_connection, read_client, write_server, false},
	{"tcp_server", make_connection, read_server, write_client, false},
	{"tcp_write", make_full_connection, write_much, drain_server, false},
	{"unix_pair", make_pair, read_client, write_server, false},
	{"unix_write", make_full_pair, write_much, drain_server, false},
	{"unix_client", make_unix_connection, read_client, write_server, false},
	{"unix_server", make_unix_connection, read_server, write_client, false},
	{"accept", make_listener, accept_one, connect_inet, false},
	{"unix_connect", make_full_backlog, connect_unix, accept_one, false},
	{"tcp_connect", make_full_inet_backlog, connect_inet, accept_one, false},
	{"udp_client", make_udp, ask_udp, answer_udp, false},
	{"udp_server", make_udp, read_server, write_client, false},
	{0},
};
