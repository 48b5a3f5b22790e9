# Keeps a temporary PostgreSQL server for as long as its standard input is open, configured as one that keeps what it has
# confirmed: everything is synced, as it is by default.
# $1: the directory of initdb, pg_ctl and postgres. $2: a directory to make. Says "ready", or why not.
cd /
# The bench may be gone before it has read a word.
trap '' INT HUP PIPE
dir=$2
mkdir -m 0700 "$dir" || exit 1
as=
if [ "$(id -u)" = 0 ]; then
    # PostgreSQL refuses to run as root.
    chown postgres "$dir" || { echo "there is no user postgres"; exit 1; }
    if command -v setpriv >/dev/null; then
        as="setpriv --reuid=postgres --regid=postgres --init-groups --"
    else
        as="runuser -u postgres --"
    fi
fi
$as "$1/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >>"$dir/log" 2>&1 </dev/null ||
    { cat "$dir/log"; exit 1; }
cat >>"$dir/data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$dir'
END
if $as "$1/pg_ctl" -D "$dir/data" -l "$dir/data/log" -w start >>"$dir/log" 2>&1 </dev/null; then
    echo "ready"
    # Until the bench is gone.
    cat >/dev/null
    $as "$1/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1
else
    cat "$dir/log" "$dir/data/log"
fi
rm -rf "$dir"
