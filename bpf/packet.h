/* The maps' layouts, and what both programs read of a packet. */
#pragma once
#include "kernel.h"

/* vcnd/linux/lane/maps.py has the same layouts. */
struct pod { /* by its link's index on the node */
	u32 vnic4, vnic6; /* the links of its addresses' VNICs; 0: it has no address */
	u32 address4, router4;
	u32 address6[4], router6[4];
	u32 mtu, mtu4, mtu6; /* of its link and its VNICs' links */
	u32 outside4, outside6; /* what each destination takes by those; never more */
};

struct key4 {
	u32 arrival; /* index of the link, twice; plus 1: UDP */
	u32 ports;
	u32 source, destination;
};

struct key6 {
	u32 arrival, ports;
	u32 source[4], destination[4];
};

struct way {
	u64 proven; /* when, in ns; 0: no more */
	u32 epoch;
	u32 link; /* by which it leaves */
	u32 mtu;  /* what is known to get through, at most that of the link */
	u32 router[4]; /* IPv4: the first; that is 0 where the link is a pod's */
};

struct control {
	u32 epoch; /* 0: admit nothing */
	u32 proof; /* the mark */
	u64 lasts; /* how long a way counts without another proof, in ns */
};

/* vcnd/linux/lane/gate.py has the same layout; vcnd-policy writes it. */
struct gate {
	u64 opens; /* when, in ns: ways that were proven before do not count */
};

struct counts { /* of each processor */
	u64 express, ordinary;
};

extern struct map pods, ways4, ways6, counts;
extern volatile struct control control;
extern volatile struct gate gate;

/* What both programs read of a packet. */
struct packet {
	u32 arrival; /* as in the key */
	u32 ports;
	u32 room;    /* MTU that it needs */
	u8 closing;  /* SYN, FIN or RST */
	u8 empty;    /* TCP without data */
};

#define TCP_BYTES 20
#define TCP_ENDS 0x07 /* FIN, SYN, RST */
#define TUNNEL_BYTES 110 /* headers inside a segmented UDP packet, at most (VXLAN) */

#define DATA(skb) ((void *)(unsigned long)(skb)->data)
#define END(skb) ((void *)(unsigned long)(skb)->data_end)

/* Return 0 and what TCP or UDP say; else it is no packet for the lane. */
INLINE int transport(struct __sk_buff *skb, u8 *l4, u8 protocol, u32 ip_bytes,
		     struct packet *packet)
{
	u32 segment = skb->gso_size, bytes;

	if ((void *)(l4 + 8) > END(skb))
		return -1;
	packet->ports = *(u32 *)l4;
	packet->closing = packet->empty = 0;
	if (protocol == PROTO_TCP) {
		if ((void *)(l4 + TCP_BYTES) > END(skb))
			return -1;
		packet->closing = l4[13] & TCP_ENDS;
		bytes = (l4[12] >> 4) * 4;
		packet->empty = skb->len <= ETHER_BYTES + ip_bytes + bytes;
	} else if (protocol == PROTO_UDP) {
		packet->arrival += 1;
		bytes = 8 + TUNNEL_BYTES;
	} else {
		return -1;
	}
	packet->room = segment ? ip_bytes + bytes + segment : skb->len - ETHER_BYTES;
	return 0;
}

/* Let the headers lie in one piece: some drivers give the first bytes alone. */
INLINE void gather(struct __sk_buff *skb, u32 bytes)
{
	u32 there = skb->data_end - skb->data;

	if (UNLIKELY(there < bytes) && there < skb->len)
		pull_data(skb, skb->len < bytes ? skb->len : bytes);
}

INLINE int read4(struct __sk_buff *skb, struct key4 *key, struct packet *packet)
{
	struct ipv4 *ip = DATA(skb) + ETHER_BYTES;

	if ((void *)(ip + 1) > END(skb) || ip->version_and_words != 0x45 ||
	    ip->fragment & NET16(0x3fff) || ip->ttl <= 1 ||
	    transport(skb, (u8 *)(ip + 1), ip->protocol, sizeof(*ip), packet))
		return -1;
	key->arrival = packet->arrival;
	key->ports = packet->ports;
	key->source = ip->source;
	key->destination = ip->destination;
	return 0;
}

INLINE int read6(struct __sk_buff *skb, struct key6 *key, struct packet *packet)
{
	struct ipv6 *ip = DATA(skb) + ETHER_BYTES;

	if ((void *)(ip + 1) > END(skb) || *(u8 *)ip >> 4 != 6 || ip->hops <= 1 ||
	    transport(skb, (u8 *)(ip + 1), ip->protocol, sizeof(*ip), packet))
		return -1;
	key->arrival = packet->arrival;
	key->ports = packet->ports;
	__builtin_memcpy(key->source, ip->source, sizeof(key->source));
	__builtin_memcpy(key->destination, ip->destination, sizeof(key->destination));
	return 0;
}
