/** Signing in, where the service has accounts. */
const form = document.getElementById("login");
const alertLine = document.getElementById("alert");

if (location.hash === "#single-sign-on-failed") {
  alertLine.textContent = "You could not be signed in with your organization’s account. Try again, or ask an administrator.";
  alertLine.hidden = false;
}
fetch("api/login").then((answer) => answer.json()).then(({ single_sign_on: there }) => {
  document.getElementById("single-sign-on").hidden = !there;
}).catch(() => {}); // whoever signs in then sees that nothing answers

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
