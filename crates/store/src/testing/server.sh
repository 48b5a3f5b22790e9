# Keeps a temporary PostgreSQL server for as long as its standard input is open.
# $1: the directory of initdb, pg_ctl and postgres. Says "ready DIRECTORY", or why not.
cd /
# A test process may be gone before it has read a word.
trap '' INT HUP PIPE
dir=$(mktemp -d "${TMPDIR:-/tmp}/goodword-pg-XXXXXX") || exit 1
as=
if [ "$(id -u)" = 0 ]; then
    # PostgreSQL refuses to run as root.
    chown postgres "$dir" || { echo "there is no user postgres"; rm -rf "$dir"; exit 1; }
    if command -v setpriv >/dev/null; then
        as="setpriv --reuid=postgres --regid=postgres --init-groups --"
    else
        as="runuser -u postgres --"
    fi
fi
new_cluster() {
    $as "$1/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-sync "$2" "$3" >>"$dir/log" 2>&1 </dev/null
}
# A language's order, where it can be had, so that a text column that lacks {c} shows.
new_cluster "$1" --locale-provider=icu --icu-locale=en-US ||
    { rm -rf "$dir/data"; new_cluster "$1" --locale=C.UTF-8 --no-sync; } ||
    { cat "$dir/log"; rm -rf "$dir"; exit 1; }
cat >>"$dir/data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$dir'
max_connections = 300
fsync = off
full_page_writes = off
autovacuum = off
deadlock_timeout = 100ms
END
if $as "$1/pg_ctl" -D "$dir/data" -l "$dir/data/log" -w start >>"$dir/log" 2>&1 </dev/null; then
    echo "ready $dir"
    # Until the test process is gone.
    cat >/dev/null
    $as "$1/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1
else
    cat "$dir/log" "$dir/data/log"
fi
rm -rf "$dir"
