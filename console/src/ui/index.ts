/** The shared components. */
export { Badge, name } from "./badge";
export { Button, CopyButton, LinkButton } from "./button";
export { confirm, Dialog, Dialogs } from "./dialog";
export { Field } from "./field";
export { ago, bytes, duration, moment, number, sentence } from "./format";
export { Icon, Logo, type IconName } from "./icons";
export { Empty, Loading, Notice } from "./states";
export { Table, type Column } from "./table";
export { panel, Tabs } from "./tabs";
export { Duration, now, Time } from "./time";
export { toast, Toasts } from "./toast";
