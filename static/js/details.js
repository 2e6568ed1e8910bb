// What is opened before htmx is ready asks for its content once htmx is: the opening was not heard.
document.addEventListener("htmx:load", (event) => {
  for (const details of event.detail.elt.querySelectorAll("details[open]:has([hx-trigger^=toggle])")) {
    details.dispatchEvent(new Event("toggle"));
  }
});
