/* The express lane: packets of established connections pass netfilter by.
 *
 * Two programs, on each pod's link and on each pod VNIC:
 *
 * vcnd_admit, at egress.  A packet that bears the proof (vcnd/linux/lane/proof.py) is of a
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
 * vcnd-policy closes the gate while it changes rules: no way counts until it opens, and
 * then none that was proven before.
 *
 * Always ordinary: SYN, FIN and RST, so that connection tracking sees them; fragments,
 * IP options and extension headers; a last hop; what is longer than the next link takes;
 * all but TCP and UDP.
 */
#include "packet.h"

/* Return True if a packet may take its noted way. */
INLINE int is_open(struct way *way, const struct packet *packet)
{
	if (packet->closing) {
		way->proven = 0; /* another connection may follow */
		return 0;
	}
	return way->epoch == control.epoch && way->proven >= gate.opens &&
	       now() - way->proven < control.lasts && packet->room <= way->mtu;
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

/* Return True if the other direction of a connection has a way.
 *
 * A pure acknowledgement needs that, so that a connection without data makes none. */
INLINE int is_answered4(struct __sk_buff *skb, const struct key4 *key, u32 epoch)
{
	struct key4 other = {
		.arrival = skb->ifindex << 1,
		.ports = key->ports << 16 | key->ports >> 16,
		.source = key->destination,
		.destination = key->source,
	};
	struct way *way = map_lookup(&ways4, &other);

	return way && way->epoch == epoch;
}

INLINE int is_answered6(struct __sk_buff *skb, const struct key6 *key, u32 epoch)
{
	struct key6 other = {
		.arrival = skb->ifindex << 1,
		.ports = key->ports << 16 | key->ports >> 16,
	};
	struct way *way;

	__builtin_memcpy(other.source, key->destination, sizeof(other.source));
	__builtin_memcpy(other.destination, key->source, sizeof(other.destination));
	way = map_lookup(&ways6, &other);
	return way && way->epoch == epoch;
}

INLINE int same(const u32 *a, const u32 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

/* Return the MTU of a way by a VNIC.
 *
 * Routes to destinations outside the VCN take less than the link.  The ordinary path has
 * the routes: a packet that it let pass is the proof that its destination takes more. */
INLINE u32 passes(const struct packet *packet, u32 link, u32 outside)
{
	return packet->room > outside ? link : outside;
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
		way->mtu = passes(&packet, at.from->mtu4, at.from->outside4);
		way->router[0] = at.from->router4;
	}
	if (!packet.empty || is_answered4(skb, &key, way->epoch))
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
		way->mtu = passes(&packet, at.from->mtu6, at.from->outside6);
		__builtin_memcpy(way->router, at.from->router6, sizeof(way->router));
	}
	if (!packet.empty || is_answered6(skb, &key, way->epoch))
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
