"""A small server for desktop notifications, like a desktop's; run by the system's Python, which has gi.

It owns ``org.freedesktop.Notifications`` on the session bus of its environment. GDBus refuses calls whose types are
not those of the specification, as real servers do. Each event is printed as one line of JSON; the input line
``click`` or ``close`` does that to the latest notification.
"""

import json
import sys

from gi.repository import Gio, GLib

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
INTERFACE = f"""<node><interface name="{NAME}">
  <method name="Notify">
    <arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
    <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
    <arg type="a{{sv}}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/>
  </method>
  <method name="CloseNotification"><arg type="u" direction="in"/></method>
  <method name="GetCapabilities"><arg type="as" direction="out"/></method>
  <signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
  <signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
</interface></node>"""


def tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


class Server:
    """The notifications on an imaginary screen."""

    def __init__(self) -> None:
        self.latest = 0
        self.connection: Gio.DBusConnection | None = None

    def acquired(self, connection: Gio.DBusConnection, _name: str) -> None:
        self.connection = connection
        interface = Gio.DBusNodeInfo.new_for_xml(INTERFACE).interfaces[0]
        connection.register_object(PATH, interface, self.called, None, None)
        connection.signal_subscribe(
            None,
            "com.canonical.Unity.LauncherEntry",
            "Update",
            None,
            None,
            Gio.DBusSignalFlags.NONE,
            self.launcher,
        )

    def named(self, _connection: Gio.DBusConnection, _name: str) -> None:
        tell(ready=True)

    def called(self, _connection, _sender, _path, _interface, method, parameters, invocation) -> None:  # type: ignore[no-untyped-def]
        values = parameters.unpack()
        if method == "GetCapabilities":
            invocation.return_value(GLib.Variant("(as)", (["actions", "body", "body-markup"],)))
        elif method == "Notify":
            _app, replaces, icon, summary, body, actions, hints, _timeout = values
            self.latest = replaces or self.latest + 1
            tell(
                note=self.latest,
                replaces=replaces,
                icon=icon,
                summary=summary,
                body=body,
                actions=actions,
                hints=hints,
            )
            invocation.return_value(GLib.Variant("(u)", (self.latest,)))
        else:
            tell(closed=values[0])
            invocation.return_value(None)
            self.emit("NotificationClosed", GLib.Variant("(uu)", (values[0], 3)))

    def launcher(self, _connection, _sender, _path, _interface, _signal, parameters) -> None:  # type: ignore[no-untyped-def]
        entry, properties = parameters.unpack()
        tell(launcher=entry, properties=properties)

    def emit(self, signal: str, values: GLib.Variant) -> None:
        assert self.connection is not None
        self.connection.emit_signal(None, PATH, NAME, signal, values)

    def told(self, channel: GLib.IOChannel, _condition: GLib.IOCondition) -> bool:
        line = channel.readline().strip()
        if line == "click":
            self.emit("ActionInvoked", GLib.Variant("(us)", (self.latest, "default")))
        elif line == "close":
            self.emit("NotificationClosed", GLib.Variant("(uu)", (self.latest, 2)))
        return bool(line)


def main() -> None:
    server = Server()
    Gio.bus_own_name(
        Gio.BusType.SESSION, NAME, Gio.BusNameOwnerFlags.NONE, server.acquired, server.named, None
    )
    channel = GLib.IOChannel.unix_new(sys.stdin.fileno())
    GLib.io_add_watch(channel, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN, server.told)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
