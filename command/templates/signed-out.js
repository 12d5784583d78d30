// The applications sign out in their frames (OpenID Connect Front-Channel Logout 1.0, section 3); then the browser goes on by itself.
// Rule protected: a frame that does not load keeps nobody waiting for longer than five seconds.
const onward = document.getElementById("onward");
const all = new Promise((loaded) => addEventListener("load", loaded));
const enough = new Promise((over) => setTimeout(over, 5000));
Promise.race([all, enough]).then(() => location.replace(onward.href));
