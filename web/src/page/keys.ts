/** Keys of the page; each does what a button does. */

/** What a key does, by the key. */
export type Keys = Readonly<Record<string, () => void>>;

/** Listen to keys, but for those that are typed into something or belong to a control. */
export function listen(everywhere: Keys, onCanvas: Keys, canvas: HTMLCanvasElement): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const target = event.target as HTMLElement;
    const busy = target.matches("select, input:not([type=checkbox]), textarea");
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    // Space belongs to the button or box that has the focus.
    if (key === " " && target.matches("button, input, select, summary")) return;
    const action = (target === canvas ? onCanvas[key] : undefined) ?? (busy ? undefined : everywhere[key]);
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
}
