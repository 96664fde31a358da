"""The parameters of Filesystem, as configurations in the field use them."""

from ocf.agent import Parameter

PARAMETERS = (
    Parameter(
        "device",
        "block device",
        "The block device, an image file (option loop), an NFS export (server:/path), the directory of a bind mount,\n"
        "or -U and -L with a UUID or label.",
        required=True,
    ),
    Parameter("directory", "mount point", "The mount point; it is made where it does not exist.", required=True),
    Parameter("fstype", "filesystem type", "The type of the filesystem; none for bind mounts.", required=True),
    Parameter("options", "options", "Options for mount -o; bind and bind,ro work too.", default=""),
    Parameter(
        "statusfile_prefix",
        "status file prefix",
        "The name of the status file for monitors of depth 20 begins with this.",
        default=".Filesystem_status/",
    ),
    Parameter(
        "run_fsck",
        "run_fsck",
        "Whether to check the filesystem before it is mounted: auto (types without a journal), force, or no.",
        default="auto",
    ),
    Parameter(
        "fast_stop",
        "fast stop",
        "Give a stop up after a few attempts; otherwise it is tried until the stop's time is over.",
        kind="boolean",
        default="no",
    ),
    Parameter(
        "force_clones",
        "allow running as a clone, regardless of filesystem type",
        "Allow clones of a local filesystem. Two nodes that mount the same device destroy it.",
        kind="boolean",
        default="false",
    ),
    Parameter(
        "force_unmount",
        "Kill processes before unmount",
        "Whether processes that use the mount are killed at a stop: true, false, or safe. Processes are found without\n"
        "touching the filesystem, so true is as safe as safe.",
        default="true",
    ),
)
