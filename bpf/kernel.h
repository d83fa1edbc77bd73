/* What the programs use of the kernel's stable interface (linux/bpf.h, if_ether.h,
 * ip.h, ipv6.h).  Written down here, so that clang alone builds them: the kernel's own
 * headers need those of a machine, and -target bpf names none. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SECTION(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NET16(x) ((u16)(((x) << 8 & 0xff00) | ((x) >> 8 & 0xff)))
#else
#define NET16(x) ((u16)(x))
#endif

/* A packet: the fields in the kernel's order.  The verifier turns each access into one
 * of struct sk_buff. */
struct __sk_buff {
	u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci;
	u32 vlan_proto, priority, ingress_ifindex, ifindex, tc_index, cb[5], hash;
	u32 tc_classid, data, data_end, napi_id, family, remote_ip4, local_ip4;
	u32 remote_ip6[4], local_ip6[4], remote_port, local_port, data_meta;
	u64 flow_keys, tstamp;
	u32 wire_len, gso_segs;
	u64 sk;
	u32 gso_size;
};

#define PACKET_HOST 0
#define TC_ACT_UNSPEC -1 /* the next program of the hook, or the ordinary path */
#define ETHER_BYTES 14
#define ETHER_IPV4 NET16(0x0800)
#define ETHER_IPV6 NET16(0x86DD)
#define AF_INET 2
#define AF_INET6 10
#define PROTO_TCP 6
#define PROTO_UDP 17

struct ipv4 {
	u8 version_and_words, tos;
	u16 length, id, fragment;
	u8 ttl, protocol;
	u16 check;
	u32 source, destination;
};

struct ipv6 {
	u32 version_and_flow;
	u16 length;
	u8 protocol, hops;
	u32 source[4], destination[4];
};

struct redirect_to {
	u32 family;
	u32 router[4]; /* IPv4: the first */
};

static void *(*const map_lookup)(void *map, const void *key) = (void *)1;
static long (*const map_update)(void *map, const void *key, const void *value,
				u64 flags) = (void *)2;
static long (*const pull_data)(struct __sk_buff *packet, u32 length) = (void *)39;
static long (*const update_checksum)(struct __sk_buff *packet, u32 sum) = (void *)40;
static long (*const redirect_neigh)(u32 link, struct redirect_to *to, int size,
				    u64 flags) = (void *)152;
static long (*const redirect_peer)(u32 link, u64 flags) = (void *)155;
static u64 (*const now)(void) = (void *)160; /* coarse: a few ms */
