/* The express lane: packets of established connections pass netfilter by.
 *
 * Two programs, on each pod's link and on each pod VNIC:
 *
 * vcnd_admit, at egress.  A packet that bears the proof (vcnd/linux/proof.py) is of a
 * connection that is established and translated nowhere, and each hook has let it pass.
 * If it also came in and leaves as its pod's packets do, the program notes its way, by
 * the link that it came in by and its addresses and ports.
 *
 * vcnd_express, at ingress.  A packet whose way is noted, and was proven lately, takes
 * it.  All others go the ordinary way: so a way that is wrong, old or lost is never
 * worse than slow.
 *
 * A note counts only while the epoch lasts in which it was made.  vcnd raises the epoch
 * when a pod goes, when anybody changes the rules, and when it sets the node up.
 *
 * Always ordinary: SYN, FIN and RST, so that connection tracking sees them; fragments,
 * IP options and extension headers; a last hop; what is longer than the next link takes;
 * all but TCP and UDP.
 */
#include "kernel.h"

/* vcnd/linux/lane_maps.py has the same layouts. */
struct pod { /* by its link's index on the node */
	u32 vnic4, vnic6; /* the links of its addresses' VNICs; 0: it has no address */
	u32 address4, router4;
	u32 address6[4], router6[4];
	u32 mtu, mtu4, mtu6; /* of its link and its VNICs' links */
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
	u32 mtu;  /* of that link */
	u32 router[4]; /* IPv4: the first; that is 0 where the link is a pod's */
};

struct control {
	u32 epoch; /* 0: admit nothing */
	u32 proof; /* the mark */
	u64 lasts; /* how long a way counts without another proof, in ns */
};

struct counts { /* of each processor */
	u64 express, ordinary;
};

extern struct map pods, ways4, ways6, counts;
extern volatile struct control control;

/* What both programs read of a packet. */
struct packet {
	u32 arrival; /* as in the key */
	u32 ports;
	u32 room;    /* MTU that it needs */
	u8 closing;  /* SYN, FIN or RST */
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
	packet->closing = 0;
	if (protocol == PROTO_TCP) {
		if ((void *)(l4 + TCP_BYTES) > END(skb))
			return -1;
		packet->closing = l4[13] & TCP_ENDS;
		bytes = (l4[12] >> 4) * 4;
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

	if ((void *)(ip + 1) > END(skb) || ip->hops <= 1 ||
	    transport(skb, (u8 *)(ip + 1), ip->protocol, sizeof(*ip), packet))
		return -1;
	key->arrival = packet->arrival;
	key->ports = packet->ports;
	__builtin_memcpy(key->source, ip->source, sizeof(key->source));
	__builtin_memcpy(key->destination, ip->destination, sizeof(key->destination));
	return 0;
}

/* Return True if a packet may take its noted way. */
INLINE int is_open(struct way *way, const struct packet *packet)
{
	if (packet->closing) {
		way->proven = 0; /* another connection may follow */
		return 0;
	}
	return way->epoch == control.epoch && now() - way->proven < control.lasts &&
	       packet->room <= way->mtu;
}

INLINE struct counts *count(void)
{
	u32 first = 0;

	return map_lookup(&counts, &first);
}

INLINE int ordinary(void)
{
	struct counts *mine = count();

	if (mine)
		mine->ordinary++;
	return TC_ACT_UNSPEC;
}

INLINE int go(struct way *way, u32 family)
{
	struct counts *mine = count();

	if (mine)
		mine->express++;
	if (!way->router[0])
		return redirect_peer(way->link, 0);
	struct redirect_to to = { .family = family };
	if (family == AF_INET)
		to.router[0] = way->router[0];
	else
		__builtin_memcpy(to.router, way->router, sizeof(to.router));
	return redirect_neigh(way->link, &to, sizeof(to), 0);
}

INLINE int express4(struct __sk_buff *skb)
{
	struct packet packet = { .arrival = skb->ifindex << 1 };
	struct key4 key;
	struct ipv4 *ip;
	struct way *way;
	u32 sum;

	gather(skb, ETHER_BYTES + sizeof(*ip) + TCP_BYTES);
	if (read4(skb, &key, &packet))
		return ordinary();
	way = map_lookup(&ways4, &key);
	if (!way || !is_open(way, &packet))
		return ordinary();
	ip = DATA(skb) + ETHER_BYTES;
	if ((void *)(ip + 1) > END(skb))
		return ordinary();
	ip->ttl--;
	sum = ip->check + NET16(0x0100);
	ip->check = sum + (sum >= 0xffff);
	return go(way, AF_INET);
}

INLINE int express6(struct __sk_buff *skb)
{
	struct packet packet = { .arrival = skb->ifindex << 1 };
	struct key6 key;
	struct ipv6 *ip;
	struct way *way;

	gather(skb, ETHER_BYTES + sizeof(*ip) + TCP_BYTES);
	if (read6(skb, &key, &packet))
		return ordinary();
	way = map_lookup(&ways6, &key);
	if (!way || !is_open(way, &packet))
		return ordinary();
	ip = DATA(skb) + ETHER_BYTES;
	if ((void *)(ip + 1) > END(skb))
		return ordinary();
	ip->hops--;
	/* IPv6 has no sum of its own: a driver's sum of the whole packet has changed. */
	update_checksum(skb, (u16)~NET16(1));
	return go(way, AF_INET6);
}

SECTION("tc/express") int vcnd_express(struct __sk_buff *skb)
{
	if (skb->pkt_type != PACKET_HOST || skb->vlan_present)
		return TC_ACT_UNSPEC;
	if (skb->protocol == ETHER_IPV4)
		return express4(skb);
	if (skb->protocol == ETHER_IPV6)
		return express6(skb);
	return TC_ACT_UNSPEC;
}

/* How a packet crosses the node: the pods at both ends, those that there are. */
struct crossing {
	struct pod *from, *to;
};

INLINE struct crossing crossing(struct __sk_buff *skb)
{
	u32 arrival = skb->ingress_ifindex, link = skb->ifindex;
	struct crossing found = {
		.from = map_lookup(&pods, &arrival),
		.to = map_lookup(&pods, &link),
	};

	return found;
}

INLINE int same(const u32 *a, const u32 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

INLINE void admit4(struct __sk_buff *skb, struct way *way)
{
	struct packet packet = { .arrival = skb->ingress_ifindex << 1 };
	struct crossing at = crossing(skb);
	struct key4 key;

	gather(skb, ETHER_BYTES + sizeof(struct ipv4) + TCP_BYTES);
	if (read4(skb, &key, &packet) || packet.closing)
		return;
	if (at.from && (!at.from->vnic4 || at.from->address4 != key.source))
		return; /* what a pod's packet became, in a tunnel for instance */
	if (at.to) {
		if (at.to->address4 != key.destination ||
		    (!at.from && at.to->vnic4 != skb->ingress_ifindex))
			return;
		way->mtu = at.to->mtu;
	} else {
		if (!at.from || at.from->vnic4 != skb->ifindex)
			return;
		way->mtu = at.from->mtu4;
		way->router[0] = at.from->router4;
	}
	map_update(&ways4, &key, way, 0);
}

INLINE void admit6(struct __sk_buff *skb, struct way *way)
{
	struct packet packet = { .arrival = skb->ingress_ifindex << 1 };
	struct crossing at = crossing(skb);
	struct key6 key;

	gather(skb, ETHER_BYTES + sizeof(struct ipv6) + TCP_BYTES);
	if (read6(skb, &key, &packet) || packet.closing)
		return;
	if (at.from && (!at.from->vnic6 || !same(at.from->address6, key.source)))
		return;
	if (at.to) {
		if (!same(at.to->address6, key.destination) ||
		    (!at.from && at.to->vnic6 != skb->ingress_ifindex))
			return;
		way->mtu = at.to->mtu;
	} else {
		if (!at.from || at.from->vnic6 != skb->ifindex)
			return;
		way->mtu = at.from->mtu6;
		__builtin_memcpy(way->router, at.from->router6, sizeof(way->router));
	}
	map_update(&ways6, &key, way, 0);
}

SECTION("tc/admit") int vcnd_admit(struct __sk_buff *skb)
{
	u32 proof = control.proof;
	/* The epoch first: what changes from now on makes the way count no more. */
	struct way way = { .epoch = control.epoch };

	if ((skb->mark & proof) != proof)
		return TC_ACT_UNSPEC;
	skb->mark &= ~proof;
	if (!way.epoch || !skb->ingress_ifindex || skb->vlan_present)
		return TC_ACT_UNSPEC;
	way.link = skb->ifindex;
	way.proven = now();
	if (skb->protocol == ETHER_IPV4)
		admit4(skb, &way);
	else if (skb->protocol == ETHER_IPV6)
		admit6(skb, &way);
	return TC_ACT_UNSPEC;
}
