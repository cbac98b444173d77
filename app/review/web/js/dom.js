/** Elements without markup in strings: whatever a server says stays text. */

/**
 * @param {string} tag
 * @param {Record<string, any>} properties attributes; `on` holds listeners; false leaves one out
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") for (const [event, run] of Object.entries(value)) element.addEventListener(event, run);
    else if (name === "value") /** @type {any} */ (element).value = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/** A button whose key is told to readers of the screen. */
export function button(text, run, { key = "", css = "", ...more } = {}) {
  const label = key ? [text, " ", el("kbd", { "aria-hidden": "true" }, key)] : [text];
  return el("button", { type: "button", class: css || null, "aria-keyshortcuts": key || null, on: { click: run }, ...more }, ...label);
}

/** Show a message for a while; an error stays until the next one. @param {string} text */
export function tell(text, error = false) {
  const place = byId(error ? "alert" : "message");
  place.textContent = text;
  place.hidden = !text;
  if (!error) {
    byId("alert").hidden = true;
    clearTimeout(tell.timer);
    tell.timer = setTimeout(() => (place.hidden = true), 4000);
  }
}
tell.timer = 0;
