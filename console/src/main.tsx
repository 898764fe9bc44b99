/** The console starts here: styles, and the app into the page. */
import { render } from "preact";
import "./theme.css";
import "./ui/ui.css";
import "./shell.css";
import { App } from "./app";

const root = document.getElementById("app");
if (root) render(<App />, root);
