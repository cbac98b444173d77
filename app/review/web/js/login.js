/** Signing in, where the service has accounts. */
const form = document.getElementById("login");
const alertLine = document.getElementById("alert");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = Object.fromEntries(new FormData(form));
  alertLine.hidden = true;
  try {
    const answer = await fetch("api/login", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(given),
    });
    if (answer.ok) {
      location.replace("index.html");
      return;
    }
    const { message, remedy } = await answer.json();
    alertLine.textContent = `${message} ${remedy}`;
  } catch {
    alertLine.textContent = "The service does not answer.";
  }
  alertLine.hidden = false;
  document.getElementById("password").select();
});
