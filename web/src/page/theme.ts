/** Light or dark: as the system has it, until one switches. */
import { byId, say } from "./dom.ts";

export function switchTheme(): void {
  const root = document.documentElement;
  const dark = root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset.theme = dark === "dark" ? "light" : "dark";
  say(`Colours: ${root.dataset.theme}`);
}

export function listenToTheme(): void {
  byId("theme").addEventListener("click", switchTheme);
}
