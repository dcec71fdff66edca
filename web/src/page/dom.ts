/** Elements of the page, by their ids and with their types. */

type Kind<T> = new () => T;

/** The element with that id; throws if it is missing or of another kind. */
export function byId<T extends HTMLElement = HTMLElement>(id: string, kind?: Kind<T>): T {
  const found = document.getElementById(id);
  if (found === null || !(found instanceof (kind ?? HTMLElement))) throw new Error(`this page has no ${id}`);
  return found as T;
}

/** A new element with a text, which is never read as HTML. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  text = "",
  ...classes: string[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.textContent = text;
  element.classList.add(...classes);
  return element;
}

/** Tell those who listen to the page, not look at it. */
export function say(text: string): void {
  byId("status").textContent = text;
}

/** Size of a file as people say it. */
export function sizeText(bytes: number): string {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
