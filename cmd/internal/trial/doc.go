// Package trial takes training steps on made-up text and times them: what `fragua bench`
// shows, and what cmd/bench sets beside a peer.
//
//	Work ──Text───▶ the ids of each step, the same on every machine
//	     ──Start──▶ Trial ──Step──▶ loss, time; and in all, the time of each operation
//	     ──Decode─▶ ids a second of generation
package trial
