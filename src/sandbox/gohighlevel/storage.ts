import type { Answer } from "./answers.ts";
import type { State } from "./state.ts";

/**
 * The storage host behind `editorContentUrl`: the stored HTML with the comment that GoHighLevel adds for Outlook, so that
 * comparing bytes fails here as it does there. The browser is told to run nothing of it.
 */
export function storedContent(state: State, path: string): Answer {
  const id = /^\/storage\/email-templates\/([0-9a-f]+)\.html$/.exec(path)?.[1];
  const template = state.templates.find((row) => row.id === id && row.type === "template");
  if (template === undefined) return { status: 404, body: "not found", contentType: "text/plain; charset=utf-8" };
  return {
    status: 200,
    body: `${template.editorContent}\n<!-- outlook-fixes-applied -->`,
    contentType: "text/html; charset=utf-8",
    headers: {
      "Content-Security-Policy": "sandbox; default-src 'none'; img-src https: data:; style-src 'unsafe-inline'",
    },
  };
}
