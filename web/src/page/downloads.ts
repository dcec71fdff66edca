/** Files that one takes along: from the page itself, so no network is needed. */
import { byId, make, say, sizeText } from "./dom.ts";

export interface Download {
  title: string;
  fileName: string;
  /** Size if it is known before the content is made. */
  bytes: number | null;
  content: () => Promise<Blob | null>;
}

export function showDownloads(offers: readonly Download[]): void {
  byId("downloads").replaceChildren(
    ...offers.map((offer) => {
      const button = make("button");
      button.type = "button";
      button.append(
        make("span", offer.title),
        make("small", [offer.fileName.split(".").pop()?.toUpperCase(), offer.bytes && sizeText(offer.bytes)]
          .filter(Boolean)
          .join(" · ")),
      );
      button.title = offer.fileName;
      button.addEventListener("click", () => void save(offer));
      return button;
    }),
  );
}

async function save(offer: Download): Promise<void> {
  const content = await offer.content();
  if (content === null) return say(`${offer.title}: there is none`);
  const link = make("a");
  link.href = URL.createObjectURL(content);
  link.download = offer.fileName;
  link.click();
  // Later, for the browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  say(`Saved ${offer.fileName}`);
}
