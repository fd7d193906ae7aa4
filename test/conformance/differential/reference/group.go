package main

import (
	"fmt"
	"math"
	"strings"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// payloadBytes is the size of every payload, so that limits in bytes bite at the same entry although
// the two libraries count the overhead of an entry differently.
const payloadBytes = 200

// group is the nodes of one schedule and every message they ever sent to each other, by number.
type group struct {
	settings map[string]string
	nodes    map[uint64]*node
	sent     []*pb.Message
	broken   bool
}

func newGroup(fields []string) *group {
	g := &group{settings: map[string]string{}, nodes: map[uint64]*node{}}
	for _, field := range fields {
		key, value, _ := strings.Cut(field, "=")
		g.settings[key] = value
	}
	base := number(g.settings["base"])
	members := &pb.ConfState{
		Voters:    numbers(g.settings["voters"]),
		Learners:  numbers(g.settings["learners"]),
		AutoLeave: new(false),
	}
	for id := uint64(1); id <= number(g.settings["nodes"]); id++ {
		n := newNode(id, g)
		if base == 0 || contains(members.Voters, id) || contains(members.Learners, id) {
			n.bootstrap(base, members)
		}
		n.start()
		g.nodes[id] = n
	}
	return g
}

func (g *group) flag(key string) bool { return g.settings[key] == "1" }

// limit reads a number of bytes; "max" is none.
func (g *group) limit(key string) uint64 {
	if g.settings[key] == "max" {
		return math.MaxUint64
	}
	return number(g.settings[key])
}

// run does one command and says what came of it.
func (g *group) run(name string, args []string) string {
	if name == "deliver" {
		m := proto.Clone(g.sent[number(args[0])]).(*pb.Message)
		n := g.nodes[m.GetTo()]
		return n.answer(name, outcome(n.raw.Step(m)))
	}
	n := g.nodes[number(args[0])]
	return n.answer(name, g.runOn(n, name, args[1:]))
}

func (g *group) runOn(n *node, name string, args []string) string {
	switch name {
	case "tick":
		n.raw.Tick()
	case "campaign":
		return outcome(n.raw.Campaign())
	case "propose":
		return outcome(n.raw.Propose(payload(args[0])))
	case "confchange":
		return outcome(n.raw.ProposeConfChange(confChange(args[0], args[1], args[2])))
	case "read":
		n.raw.ReadIndex([]byte(args[0]))
	case "transfer":
		n.raw.TransferLeader(number(args[0]))
	case "forget":
		return outcome(n.raw.ForgetLeader())
	case "unreachable":
		n.raw.ReportUnreachable(number(args[0]))
	case "snapstatus":
		status := raft.SnapshotFinish
		if args[1] == "failure" {
			status = raft.SnapshotFailure
		}
		n.raw.ReportSnapshot(number(args[0]), status)
	case "ready":
		return n.ready()
	case "advance":
		n.advance()
		return n.storage.describeMembers()
	case "append":
		n.processAppend()
	case "apply":
		n.processApply()
		return n.storage.describeMembers()
	case "compact":
		must(n.storage.Compact(number(args[0])))
	case "snapshots":
		n.storage.offersSnapshots = args[0] == "on"
	case "restart":
		n.start()
	default:
		panic("unknown command " + name)
	}
	return "ok"
}

// post numbers the messages that leave a node.
func (g *group) post(messages []*pb.Message) {
	for _, m := range messages {
		if !raft.IsLocalMsgTarget(m.GetTo()) {
			g.sent = append(g.sent, proto.Clone(m).(*pb.Message))
		}
	}
}

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	switch err {
	case raft.ErrProposalDropped:
		return "proposalDropped"
	case raft.ErrStepPeerNotFound:
		return "peerNotFound"
	case raft.ErrStepLocalMsg:
		return "localMessage"
	}
	return fmt.Sprintf("error %v", err)
}

func payload(label string) []byte {
	return []byte(label + strings.Repeat(".", payloadBytes-len(label)))
}

var transitions = map[string]pb.ConfChangeTransition{
	"auto":          pb.ConfChangeTransitionAuto,
	"jointImplicit": pb.ConfChangeTransitionJointImplicit,
	"jointExplicit": pb.ConfChangeTransitionJointExplicit,
}

// confChange makes a membership change that is payloadBytes long in the log.
func confChange(version, transition, steps string) pb.ConfChangeI {
	var changes []*pb.ConfChangeSingle
	if steps != "-" {
		parsed, err := pb.ConfChangesFromString(strings.ReplaceAll(steps, ",", " "))
		must(err)
		changes = parsed
	}
	if version == "v1" {
		cc := &pb.ConfChange{Type: changes[0].Type, NodeId: changes[0].NodeId}
		pad(cc, func(context []byte) { cc.Context = context })
		return cc
	}
	cc := &pb.ConfChangeV2{Changes: changes, Transition: transitions[transition].Enum()}
	pad(cc, func(context []byte) { cc.Context = context })
	return cc
}

func pad(cc proto.Message, setContext func([]byte)) {
	for size := 1; proto.Size(cc) < payloadBytes; size++ {
		setContext(make([]byte, size))
	}
	if proto.Size(cc) != payloadBytes {
		panic("a membership change cannot be made this long")
	}
}

func numbers(text string) []uint64 {
	var ids []uint64
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		ids = append(ids, number(word))
	}
	return ids
}

func contains(ids []uint64, id uint64) bool {
	for _, other := range ids {
		if other == id {
			return true
		}
	}
	return false
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
