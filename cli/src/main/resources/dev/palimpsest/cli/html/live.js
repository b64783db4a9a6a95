"use strict";
// Shows the newer versions of the page that the server has.
(() => {
  let version = document.currentScript.dataset.version;

  const look = async () => {
    try {
      const now = await (await fetch("version")).text();
      if (now !== version) {
        const page = new DOMParser().parseFromString(await (await fetch("./")).text(), "text/html");
        for (const part of ["header.top", "main"]) {
          document.querySelector(part).replaceWith(document.adoptNode(page.querySelector(part)));
        }
        version = now;
        dispatchEvent(new Event("newpage"));
      }
      document.body.dataset.live = "yes";
    } catch {
      document.body.dataset.live = "no";
    }
    setTimeout(look, 2000);
  };
  look();
})();
