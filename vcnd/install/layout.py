"""Where vcnd's files are on a node.  ``uninstall`` removes all of them."""

IMAGE = "/usr/lib/vcnd"
"""In the image: version, units, conflist."""

TREES = "/opt/vcnd"
CONFIGURATION = "/etc/vcnd"
POLICY_CONFIGURATION = "/etc/vcnd-policy"
"""The policy process' own: its token."""
POLICY_KUBECONFIG = f"{POLICY_CONFIGURATION}/kubeconfig"
STATE = "/var/lib/vcnd"
SOCKETS = "/run/vcnd"
SOCKET = f"{SOCKETS}/cni.sock"
UNITS = "/etc/systemd/system"
SERVICE = f"{UNITS}/vcnd.service"
SOCKET_UNIT = f"{UNITS}/vcnd.socket"
DROP_INS = f"{UNITS}/vcnd.service.d"
VERSION_DROP_IN = f"{DROP_INS}/version.conf"
POLICY_SERVICE = f"{UNITS}/vcnd-policy.service"
POLICY_SOCKET_UNIT = f"{UNITS}/vcnd-policy.socket"
POLICY_DROP_INS = f"{UNITS}/vcnd-policy.service.d"
POLICY_VERSION_DROP_IN = f"{POLICY_DROP_INS}/version.conf"
SYSUSERS = "/etc/sysusers.d/vcnd.conf"
SYSCTLS = "/etc/sysctl.d/90-vcnd.conf"
BEFORE = f"{CONFIGURATION}/before.json"
"""The settings before installation; the uninstaller restores them."""
PLUGINS = "/opt/cni/bin"
PLUGIN = f"{PLUGINS}/vcnd-cni"
CONFLIST = "/etc/cni/net.d/10-vcnd.conflist"
CONTROL = "/usr/local/bin/vcndctl"
USER, POLICY_USER = "vcnd", "vcnd-policy"

SYSUSERS_TEXT = """\
u vcnd - "VCN-native pod networking" / /usr/sbin/nologin
u vcnd-policy - "Network policies of pods" / /usr/sbin/nologin
"""
CONTROL_TEXT = f"""\
#!/bin/sh
# vcndctl, out of the daemon's own root.  It gets the caller's directory and root, to
# read files that the caller names.
tree=$(sed -n 's/^RootDirectory=//p' {VERSION_DROP_IN})
export VCND_CALLERS_DIRECTORY=8 VCND_CALLERS_ROOT=9
[ -r . ] || cd /
exec unshare --mount /bin/sh -c '
    mkdir -p "$0/run/vcnd" && mount --bind /run/vcnd "$0/run/vcnd" &&
        exec chroot "$0" /usr/bin/vcndctl "$@"' "$tree" "$@" 8<. 9</
"""
TOMBSTONE = """\
#!/bin/sh
# vcnd was uninstalled by force while pods held addresses: their deletion must
# still succeed, or they would stay in Terminating.
[ "$CNI_COMMAND" != DEL ] || exit 0
printf '{"cniVersion":"1.0.0","code":11,"msg":"vcnd was uninstalled from this node"}'
exit 1
"""
